add_executable(bench_sandbox_start sandbox_start.cc sandbox_worker.cc sandbox_peers.cc sandbox_floor.cc)
target_link_libraries(bench_sandbox_start PRIVATE airlock_flags airlock_sandbox)
airlock_static(bench_sandbox_start)
set_target_properties(bench_sandbox_start PROPERTIES OUTPUT_NAME sandbox_start
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
# Runs between clone and exec in the memory of the bench.
set_source_files_properties(sandbox_floor.cc PROPERTIES COMPILE_OPTIONS "-fno-sanitize=all;-fno-stack-protector;-O2")
