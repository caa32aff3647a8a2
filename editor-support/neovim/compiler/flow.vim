" `:make` checks the script; its findings go to the quickfix list.
if exists("current_compiler")
  finish
endif
let current_compiler = "flow"
let s:flow = luaeval("vim.fn.shellescape(require('flow').command())")
execute "CompilerSet makeprg=" . escape(s:flow . " check --format concise %:S", " \\|\"")
CompilerSet errorformat=%f:%l:%c:\ %t%*[a-z][%[A-Z]%#%n]:\ %m,%f:%l:%c:\ %t%*[a-z]:\ %m,%-G%.%#
