# One function for each kind of target, so that no folder repeats flags.
# Sources are globbed on purpose: a file that lies in a module's folder is compiled and tested, always.

add_library(airlock_flags INTERFACE)
target_compile_options(airlock_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wswitch-enum
  $<$<CXX_COMPILER_ID:GNU>:-Werror>)  # the compiler of the house; clang, for scripts/fuzz, warns otherwise
target_compile_options(airlock_flags INTERFACE -ffunction-sections -fdata-sections)  # see airlock_static()
target_compile_options(airlock_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)  # false alarms on std::string, GCC PR105651
target_include_directories(airlock_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(airlock_flags INTERFACE AIRLOCK_VERSION="${PROJECT_VERSION}")
if(AIRLOCK_SANITIZE)
  target_compile_options(airlock_flags INTERFACE -fsanitize=${AIRLOCK_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(airlock_flags INTERFACE -fsanitize=${AIRLOCK_SANITIZE})
endif()

# airlock_module(NAME DEPS ...): static library airlock_NAME of every .cc in the current folder.
function(airlock_module name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  add_library(airlock_${name} STATIC ${sources})
  target_link_libraries(airlock_${name} PUBLIC airlock_flags ${ARG_DEPS})
endfunction()

# airlock_test(NAME DEPS ...): test_NAME of every *_test.cc in the current folder, one ctest entry a case.
function(airlock_test name)
  cmake_parse_arguments(ARG "" "" "DEPS;PROPERTIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  add_executable(test_${name} ${sources})
  target_link_libraries(test_${name} PRIVATE airlock_flags airlock_test_main ${ARG_DEPS})
  target_compile_definitions(test_${name} PRIVATE AIRLOCK_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    AIRLOCK_BINARY_DIR="${CMAKE_BINARY_DIR}")
  catch_discover_tests(test_${name} TEST_PREFIX "${name}: " DISCOVERY_MODE PRE_TEST
    PROPERTIES TIMEOUT 300 ${ARG_PROPERTIES})
endfunction()

# A program that travels: linked fully static, except under a sanitizer, which has no static runtime. What it does not
# use of the libraries is left out.
function(airlock_static target)
  if(NOT AIRLOCK_SANITIZE)
    target_link_options(${target} PRIVATE -static -Wl,--gc-sections)
  endif()
endfunction()

# A program of a test that runs inside the sandbox, where there is nothing to load: static, and never instrumented, since
# the sandbox would not let a sanitizer do what it does at start. Takes no library of ours.
function(airlock_step_program target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -O1)
  target_link_options(${target} PRIVATE -static -s)
endfunction()
