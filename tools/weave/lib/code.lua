-- Highlighted code with links in it: whatever becomes a link is replaced by a token, pandoc highlights the rest, and
-- each format then puts its links in the tokens' places.
local book = require 'book'
local chunks = require 'chunks'

local code = { defined = {}, used = {} } -- identifier → chunks

local OPEN = '\238\128\128'

local KEYWORDS = {}
for word in ([[if else while for do switch case default return break continue goto sizeof struct enum union static
    const void int char bool]]):gmatch('%a+') do KEYWORDS[word] = true end

function code.define_all()
  for _, chunk in ipairs(book.chunks) do
    for _, identifier in ipairs(chunk.defines) do
      code.defined[identifier] = code.defined[identifier] or {}
      table.insert(code.defined[identifier], chunk)
    end
  end
end

-- Which of the definitions of an identifier is meant on this page: its own chapter's, else the only public one.
local function meant(identifier, page)
  local candidates = code.defined[identifier]
  if not candidates or KEYWORDS[identifier] then return nil end
  for _, chunk in ipairs(candidates) do
    if chunk.page == page then return chunk end
  end
  return candidates[1]
end

local comments = {
  c = { '^//[^\n]*', '^/%*.-%*/' },
  gnuassembler = { '^//[^\n]*', '^/%*.-%*/', '^#[^%l][^\n]*' },
  ld = { '^/%*.-%*/' },
  bash = { '^#[^\n]*' }, awk = { '^#[^\n]*' }, python = { '^#[^\n]*' }, makefile = { '^#[^\n]*' },
}

local function include_target(path)
  for _, name in ipairs { path, 'abi/' .. path, 'userland/' .. path } do
    local named = book.names[name]
    if named and #named.parts > 0 then return name end
  end
end

-- Replaces in a chunk's text all that is to be a link. Returns the text and the table of tokens.
function code.tokenise(chunk)
  if chunk.tokens then return chunk.tokenised, chunk.tokens end
  local text, language = chunk.text, chunks.language(chunk.base or chunk.name)
  local tokens, out, at = {}, {}, 1
  local own = {}
  for _, identifier in ipairs(chunk.defines) do own[identifier] = true end
  local function token(item)
    tokens[#tokens + 1] = item
    out[#out + 1] = 'zQ' .. #tokens .. 'Qz'
  end
  local function plain(segment) -- text in which only chunk uses count
    local from = 1
    while true do
      local first, last, name = segment:find(chunks.USE, from)
      if not first then break end
      out[#out + 1] = segment:sub(from, first - 1)
      token { kind = 'use', name = name, text = name }
      from = last + 1
    end
    out[#out + 1] = segment:sub(from)
  end
  local function match(pattern)
    local first, last = text:find(pattern, at)
    if first then return text:sub(first, last) end
  end
  while at <= #text do
    local segment
    for _, pattern in ipairs(comments[language] or {}) do
      segment = match(pattern)
      if segment then break end
    end
    if segment then
      plain(segment)
    elseif match('^' .. chunks.USE) then
      segment = match('^' .. chunks.USE)
      plain(segment)
    elseif match('^"[^"\n]*"') then
      segment = match('^"[^"\n]*"')
      while segment:match('\\"$') and not segment:match('\\\\"$') do
        local rest = text:match('^[^"\n]*"', at + #segment)
        if not rest then break end
        segment = segment .. rest
      end
      local target = include_target(segment:sub(2, -2))
      if target then
        out[#out + 1] = '"'
        token { kind = 'root', name = target, text = segment:sub(2, -2) }
        out[#out + 1] = '"'
      else
        plain(segment)
      end
    elseif match("^'\\?.'") then
      segment = match("^'\\?.'")
      plain(segment)
    elseif match('^<[%w_/.-]+%.h>') then
      segment = match('^<[%w_/.-]+%.h>')
      local target = include_target(segment:sub(2, -2))
      if target then
        out[#out + 1] = '<'
        token { kind = 'root', name = target, text = segment:sub(2, -2) }
        out[#out + 1] = '>'
      else
        plain(segment)
      end
    elseif match('^[%a_][%w_]*') then
      segment = match('^[%a_][%w_]*')
      local before = text:sub(math.max(1, at - 2), at - 1)
      local member = before:match('%->$') or (before:match('%.$') and not before:match('%.%.$'))
      local target = not member and meant(segment, chunk.page)
      if own[segment] and not member then
        token { kind = 'definition', name = segment, text = segment }
        own[segment] = nil
      elseif target and target ~= chunk then
        token { kind = 'identifier', name = segment, text = segment, target = target }
        local users = code.used[segment] or {}
        if users[#users] ~= chunk and not chunk.overlay then users[#users + 1] = chunk end
        code.used[segment] = users
      else
        out[#out + 1] = segment
      end
    else
      segment = match('^[^%a_/"\'<#\238]+') or text:sub(at, at)
      out[#out + 1] = segment
    end
    at = at + #segment
  end
  chunk.tokenised, chunk.tokens = table.concat(out), tokens
  return chunk.tokenised, tokens
end

local writer_options = pandoc.WriterOptions { wrap_text = 'none' }
local cuts = {
  html = { '<code[^>]*>(.*)</code></pre>' },
  latex = { '\\begin{Highlighting}%[%]\n(.*)\n\\end{Highlighting}' },
}

-- Lines of code, highlighted for `format` ('html' or 'latex'); `link` draws a token.
function code.lines(text, language, format, tokens, link)
  local known = language ~= '' and language ~= 'ld'
  local block = pandoc.CodeBlock(text, pandoc.Attr('', { known and language or 'default' }))
  local written = pandoc.write(pandoc.Pandoc { block }, format == 'html' and 'html' or 'latex', writer_options)
  local inner = written:match(cuts[format][1])
  if not inner then
    if format == 'html' then
      inner = text:gsub('[&<>]', { ['&'] = '&amp;', ['<'] = '&lt;', ['>'] = '&gt;' })
    else
      inner = text:gsub('[\\{}]', { ['\\'] = '\\textbackslash{}', ['{'] = '\\{', ['}'] = '\\}' })
    end
  end
  local lines = {}
  for line in (inner .. '\n'):gmatch('([^\n]*)\n') do
    if format == 'html' then
      line = line:gsub('^<span id="[^"]*"><a [^>]*></a>(.*)</span>$', '%1')
    end
    line = line:gsub('zQ(%d+)Qz', function(n) return link(tokens[tonumber(n)]) end)
    lines[#lines + 1] = line
  end
  return lines
end

return code
