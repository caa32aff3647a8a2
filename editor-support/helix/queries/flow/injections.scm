((call
   function: (identifier) @_function
   arguments: (arguments . (argument) . (argument value: (raw_string (raw_text) @injection.content))))
 (#any-of? @_function "matches" "regexExtract" "regexReplace")
 (#set! injection.language "regex"))

([(line_comment) (block_comment)] @injection.content
 (#set! injection.language "comment"))
