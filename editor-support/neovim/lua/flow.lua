--- Support for `.flow` scripts: the language server, tree-sitter, commands in a terminal. Works from Neovim 0.7 on.
local M = {}

M.settings = {
  --- The `flow` command, a name on the PATH or a path.
  path = vim.env.FLOW_BIN or "flow",
  --- Called with the client and the buffer when the server has started: the place for key mappings.
  on_attach = nil,
  --- More capabilities of the client, from a completion plugin.
  capabilities = nil,
  --- Hints with the type after each stage, where Neovim shows them (0.10 and later).
  inlay_hints = true,
}

--- Changes settings; needed only for what should not be the default.
function M.setup(settings) M.settings = vim.tbl_extend("force", M.settings, settings or {}) end

function M.command() return M.settings.path end

--- The folder of the project: that of git, else that of the script.
local function root(file)
  local folder = vim.fn.fnamemodify(file, ":p:h")
  local git = vim.fn.finddir(".git", vim.fn.escape(folder, " ") .. ";")
  return git == "" and folder or vim.fn.fnamemodify(git, ":p:h:h")
end

local function configuration(buffer)
  return {
    name = "flow",
    cmd = { M.settings.path, "lsp" },
    root_dir = root(vim.api.nvim_buf_get_name(buffer)),
    capabilities = M.settings.capabilities or vim.lsp.protocol.make_client_capabilities(),
    on_attach = function(client, of)
      vim.bo[of].omnifunc = "v:lua.vim.lsp.omnifunc"
      if M.settings.inlay_hints and vim.lsp.inlay_hint and client.server_capabilities.inlayHintProvider then
        vim.lsp.inlay_hint.enable(true, { bufnr = of })
      end
      if M.settings.on_attach then M.settings.on_attach(client, of) end
    end,
  }
end

--- Clients by the folder of their project, where Neovim does not keep them itself.
local clients = {}

--- Starts the server for a buffer, or joins the one that serves its project.
function M.attach(buffer)
  buffer = buffer == 0 and vim.api.nvim_get_current_buf() or buffer
  if vim.bo[buffer].buftype ~= "" then return end
  if vim.fn.executable(M.settings.path) == 0 then
    vim.notify_once("flow: there is no command `" .. M.settings.path .. "`", vim.log.levels.WARN)
    return
  end
  local wanted = configuration(buffer)
  if vim.lsp.start then return vim.lsp.start(wanted, { bufnr = buffer }) end
  local known = clients[wanted.root_dir]
  if not known or not vim.lsp.get_client_by_id(known) then
    known = vim.lsp.start_client(wanted)
    clients[wanted.root_dir] = known
  end
  if known then vim.lsp.buf_attach_client(buffer, known) end
  return known
end

--- Colours by tree-sitter where the parser is installed, else those of `syntax/flow.vim`.
function M.colour(buffer)
  if #vim.api.nvim_get_runtime_file("parser/flow.so", false) == 0 then return false end
  if vim.treesitter.start then
    vim.treesitter.start(buffer, "flow")
    return true
  end
  local parser = vim.treesitter.get_parser(buffer, "flow")
  require("vim.treesitter.highlighter").new(parser, {})
  return true
end

--- Compiles the parser of `../tree-sitter-flow` (needs a C compiler) and copies its queries beside it.
function M.install_parser(target)
  local here = vim.fn.fnamemodify(debug.getinfo(1, "S").source:sub(2), ":p:h:h")
  local grammar = vim.fn.resolve(here .. "/../tree-sitter-flow")
  target = target or (vim.fn.stdpath("data") .. "/site")
  vim.fn.mkdir(target .. "/parser", "p")
  vim.fn.mkdir(target .. "/queries/flow", "p")
  local compiler = vim.env.CC or "cc"
  local said = vim.fn.system({
    compiler, "-shared", "-fPIC", "-O2", "-std=c11", "-I", grammar .. "/src",
    grammar .. "/src/parser.c", grammar .. "/src/scanner.c", "-o", target .. "/parser/flow.so",
  })
  if vim.v.shell_error ~= 0 then error("flow: the parser does not compile\n" .. said) end
  for _, query in ipairs({ "highlights", "folds", "indents", "injections", "locals" }) do
    local lines = vim.fn.readfile(grammar .. "/queries/" .. query .. ".scm")
    vim.fn.writefile(lines, target .. "/queries/flow/" .. query .. ".scm")
  end
  return target
end

--- `flow` with a script in a terminal below.
function M.terminal(what, file, more)
  file = file or vim.api.nvim_buf_get_name(0)
  vim.cmd("silent! update")
  local call = { M.settings.path, what }
  vim.list_extend(call, type(more) == "table" and more or vim.split(more or "", "%s+", { trimempty = true }))
  table.insert(call, file)
  vim.cmd("botright 15new")
  vim.fn.termopen(call, { cwd = vim.fn.fnamemodify(file, ":h") })
end

return M
