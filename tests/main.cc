// The one main of all unit test programs: Catch2 2.13 compiles its runner here, once.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
