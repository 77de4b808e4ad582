#pragma once

#include "arrays.h"

void define_features(nb::module_ &m);
