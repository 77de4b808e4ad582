#pragma once

#include <nanobind/stl/vector.h>

#include "arrays.h"

void define_training(nb::module_ &m);
