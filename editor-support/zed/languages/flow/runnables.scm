((test_declaration name: (string) @run) @_test
 (#set! tag flow-test))
