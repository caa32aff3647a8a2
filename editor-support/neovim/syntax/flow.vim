" Colours without tree-sitter; also for Vim.
if exists("b:current_syntax")
  finish
endif

syntax case match

syntax keyword flowDeclaration import job param const type fn source table stream sink test
syntax keyword flowConditional if then else match try
syntax keyword flowOperatorWord and or not in
syntax keyword flowKeyword let as
syntax keyword flowBoolean true false
syntax keyword flowNull null
syntax keyword flowType bool int float decimal string bytes timestamp duration list json
syntax match flowKeyword /\<key\ze\s\+\h[^=]*=/
syntax match flowKeyword /\%(\w\s\+\)\@<=\%(on\|asOf\)\ze\s/
syntax match flowKeyword /\%([0-9A-Za-z_)\]]\s\+\)\@<=\%(asc\|desc\)\ze\s*[,)\]]/
syntax match flowTestStep /^\s*\zs\%(given\|advance\|expect\%(\s\+ordered\)\?\|restore\s\+into\)\ze\s/
syntax match flowTestStep /^\s*\zssavepoint\ze\s*$/

syntax match flowName /\%(^\%(source\|table\|stream\|sink\|param\|const\|job\|fn\)\s\+\)\@<=\h\w*/
syntax match flowTypeName /\%(^type\s\+\)\@<=\h\w*/
syntax match flowCall /\<\h\w*\ze(/
syntax match flowField /\<\h\w*\ze\s*:/
" Behind the calls, so that it wins where both fit.
syntax match flowStage /\%(|>\s*\%(@\h\w*("[^"]*")\s*\)*\)\@<=\h\w*/
syntax match flowQuoted /`[^`]*`/
syntax match flowAnnotation /@\%(id\|was\)\>/
syntax match flowOperator /|>\|->\|=>\|[-+*\/%=<>!?]/

syntax match flowNumber /\<\d[0-9_]*\%(\.\d[0-9_]*\)\?\%([eE][+-]\?\d\+\)\?d\?\>/
syntax match flowNumber /\<0[xX][0-9a-fA-F_]\+\>/
syntax match flowNumber /\<\%(\d[0-9_]*\%(us\|ms\|s\|min\|h\|d\)\)\+\>/
syntax match flowNumber /\<\d[0-9_]*\%([KMGT]i\?\)\?B\>/
syntax match flowTimestamp /@\d[-0-9.]*\%(T[0-9:.]*\%(Z\|[-+]\d\d:\?\d*\)\?\)\?/

syntax region flowString start=/"/ skip=/\\./ end=/"/ oneline contains=flowEscape,flowInterpolation
syntax region flowRawString start=/\<r"/ end=/"/ oneline
syntax region flowBytes start=/\<b"/ skip=/\\./ end=/"/ oneline contains=flowEscape
syntax match flowEscape /\\u{\x*}\|\\.\|{{\|}}/ contained
syntax region flowInterpolation matchgroup=flowSpecial start=/{{\@!/ end=/}/ oneline contained contains=TOP

syntax match flowComment /\/\/.*$/ contains=flowTodo,@Spell
syntax match flowDocComment /\/\/\/\%(\/\)\@!.*$/ contains=flowTodo,@Spell
syntax region flowComment start=/\/\*/ end=/\*\// contains=flowComment,flowTodo,@Spell
syntax keyword flowTodo TODO FIXME NOTE contained

highlight default link flowDeclaration Keyword
highlight default link flowConditional Conditional
highlight default link flowOperatorWord Keyword
highlight default link flowKeyword Keyword
highlight default link flowTestStep Statement
highlight default link flowBoolean Boolean
highlight default link flowNull Constant
highlight default link flowType Type
highlight default link flowTypeName Type
highlight default link flowName Identifier
highlight default link flowStage Function
highlight default link flowCall Function
highlight default link flowField Identifier
highlight default link flowQuoted Identifier
highlight default link flowAnnotation PreProc
highlight default link flowOperator Operator
highlight default link flowNumber Number
highlight default link flowTimestamp Constant
highlight default link flowString String
highlight default link flowRawString String
highlight default link flowBytes String
highlight default link flowEscape SpecialChar
highlight default link flowSpecial Special
highlight default link flowComment Comment
highlight default link flowDocComment SpecialComment
highlight default link flowTodo Todo

syntax sync minlines=200
let b:current_syntax = "flow"
