#pragma once

#include "arrays.h"

void define_first_stage(nb::module_ &m);
