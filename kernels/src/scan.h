#pragma once

#include "arrays.h"

void define_scan(nb::module_ &m);
