#pragma once

#include "arrays.h"

void define_reasons(nb::module_ &m);
