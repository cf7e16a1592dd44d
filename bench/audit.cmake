# Export and verification of audit bundles, on a ledger that it fills itself.
add_executable(audit_bench ${CMAKE_CURRENT_LIST_DIR}/audit_bench.cc)
target_link_libraries(audit_bench PRIVATE airlock_flags airlock_audit airlock_jobs)
set_target_properties(audit_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
