# What a path goes through besides errors: access states, keys of the fence, silence, maintenance.
braid_unit_test(test_alua braid_gateway)
foreach(name
  test_access
  test_decision
  test_key_loss
  test_maintenance
  test_pace
  test_probation
  test_registration
  test_rehearsal
  test_suspicion
  test_two_gateways
)
  braid_unit_test(${name} braid_sim)
endforeach()
