-- Commands for scripts, also as what the server's lenses (Run, Plan, Test) mean.
if vim.g.loaded_flow then return end
vim.g.loaded_flow = true

local flow = require("flow")

local function command(name, does, nargs)
  vim.api.nvim_create_user_command(name, does, { nargs = nargs or 0 })
end

command("FlowRun", function(call) flow.terminal("run", nil, call.args) end, "*")
command("FlowCheck", function(call) flow.terminal("check", nil, call.args) end, "*")
command("FlowTest", function(call) flow.terminal("test", nil, call.args) end, "*")
command("FlowPlan", function(call) flow.terminal("plan", nil, call.args) end, "*")
command("FlowInstallParser", function() flow.install_parser() end)

local function lens(name)
  return function(called)
    local uri, test = unpack(called.arguments or {})
    flow.terminal(name, uri and vim.uri_to_fname(uri), test and { "--filter", test } or {})
  end
end
if vim.lsp.commands then
  vim.lsp.commands["flow.run"] = lens("run")
  vim.lsp.commands["flow.test"] = lens("test")
  vim.lsp.commands["flow.plan"] = lens("plan")
end
