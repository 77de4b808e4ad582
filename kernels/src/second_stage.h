#pragma once

#include "arrays.h"

void define_second_stage(nb::module_ &m);
