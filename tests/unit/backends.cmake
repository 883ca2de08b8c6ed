# Arrays that come and go at run time.
braid_unit_test(test_backends braid_sim)
