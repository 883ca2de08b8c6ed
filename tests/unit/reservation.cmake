foreach(name test_reservation test_reservation_preempt test_reservation_conflict test_reservation_state
             test_reservation_model)
  braid_unit_test(${name} braid_target)
endforeach()
