#pragma once

#include "arrays.h"

void define_fits(nb::module_ &m);
