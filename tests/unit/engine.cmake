# The multipath engine. What needs arrays and time gets them from the simulation.
foreach(name test_policy test_generic)
  braid_unit_test(${name} braid_dsm)
endforeach()
foreach(name test_command test_inquiry test_claim test_journal test_link test_news test_peek
             test_report)
  braid_unit_test(${name} braid_gateway)
endforeach()
foreach(name test_probe test_lane test_multipath test_retry test_hold test_removal test_registry
             test_reidentify test_throttle test_failback test_fence test_kinship test_lu_reset test_error_table test_abort
             test_reconcile test_queue)
  braid_unit_test(${name} braid_sim)
endforeach()
