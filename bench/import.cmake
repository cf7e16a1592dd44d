# Peers and limits of the import: see import_bench.py.
add_executable(write_floor write_floor.cc)
target_link_libraries(write_floor PRIVATE airlock_flags)
add_executable(envelope_rate envelope_rate.cc)
target_link_libraries(envelope_rate PRIVATE airlock_verify)
set_target_properties(write_floor envelope_rate PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
