// Functions that are compiled for several generations of processors; the loader chooses.

#pragma once

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define PROCESSORS_DIFFER 1
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PROCESSORS_DIFFER 0
#define FOR_EACH_PROCESSOR
#endif
