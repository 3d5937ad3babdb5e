-- Code chunks: where each is defined, continued and used, and in which language it is written.
local book = require 'book'

local chunks = {}
local OPEN, CLOSE = '\u{E000}', '\u{E001}'
local USE = OPEN .. '([^' .. '\238' .. ']*)' .. CLOSE

-- Parses a `noweb` block as markdown.awk writes it.
function chunks.parse(text)
  local file, line, name, defines, body = text:match('^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n?(.*)$')
  local chunk = { file = file, line = tonumber(line), name = name, text = body, defines = {}, uses = {} }
  for identifier in defines:gmatch('%S+') do table.insert(chunk.defines, identifier) end
  for used in body:gmatch(USE) do
    if not chunk.uses[used] then
      chunk.uses[used] = true
      table.insert(chunk.uses, used)
    end
  end
  return chunk
end

local function entry(name)
  if not book.names[name] then
    book.names[name] = {
      name = name, parts = {}, uses = {},
      extension = name:find(': ', 1, true) ~= nil,
      root = name:match('^[%w_./-]+$') ~= nil and name:find('/', 1, true) ~= nil,
    }
  end
  return book.names[name]
end

chunks.entry = entry

-- Enters a chunk that stands on `page`, and gives it its number and its anchor.
function chunks.add(chunk, page)
  page.chunk_count = (page.chunk_count or 0) + 1
  chunk.page = page
  chunk.number = (page.number or 'O') .. '.' .. page.chunk_count
  table.insert(book.chunks, chunk)
  chunk.serial = #book.chunks
  local named = entry(chunk.name)
  table.insert(named.parts, chunk)
  chunk.part = #named.parts
  chunk.anchor = 'chunk-' .. book.slug(chunk.name)
  if chunk.part > 1 then
    chunk.anchor = chunk.anchor .. '-' .. (page.room or 'more')
    local _, again = table.unpack(chunks.anchors[chunk.anchor] or {})
    if again then chunk.anchor = chunk.anchor .. '-' .. chunk.part end
  end
  local taken = chunks.anchors[chunk.anchor]
  if taken then chunk.anchor = chunk.anchor .. '-' .. chunk.serial end
  chunks.anchors[chunk.anchor] = { chunk, true }
end

chunks.anchors = {}

-- Once all chunks are known: who uses whom. What is undefined, unused or defined twice, tools/check.awk has told.
function chunks.connect()
  for _, chunk in ipairs(book.chunks) do
    for _, used in ipairs(chunk.uses) do table.insert(entry(used).uses, chunk) end
  end
end

-- The root files that a name ends up in.
function chunks.roots(name, seen)
  local named, found = book.names[name], {}
  seen = seen or {}
  if not named or seen[name] then return found end
  seen[name] = true
  if named.root and #named.uses == 0 then return { name } end
  for _, user in ipairs(named.uses) do
    for _, root in ipairs(chunks.roots(user.name, seen)) do
      if not found[root] then
        found[root] = true
        table.insert(found, root)
      end
    end
  end
  return found
end

local languages = {
  c = 'c', h = 'c', def = 'c', S = 'gnuassembler', s = 'gnuassembler', sh = 'bash', awk = 'awk', py = 'python',
  mk = 'makefile', lua = 'lua', ld = 'ld', cfg = '', md = '', txt = '',
}

function chunks.language(name)
  local named = entry(name)
  if not named.language then
    local root = chunks.roots(name)[1] or name
    named.language = languages[root:match('%.(%a+)$') or ''] or (root:find('/', 1, true) and '' or 'c')
  end
  return named.language
end

-- The code that a chunk stands for, as it would be compiled: all uses expanded, indented as noweb does.
function chunks.expand(name, column, path)
  local named = book.names[name]
  column, path = column or 0, path or {}
  if not named or path[name] then return '' end
  path[name] = true
  local out = {}
  for _, part in ipairs(named.parts) do
    local at = 1
    local pieces = {}
    local here = 0 -- the column within the line being written
    local function put(text)
      pieces[#pieces + 1] = text
      local last = text:match('[^\n]*$')
      here = text:find('\n', 1, true) and #last or here + #last
    end
    while true do
      local from, to, used = part.text:find(USE, at)
      if not from then break end
      put(part.text:sub(at, from - 1))
      put((chunks.expand(used, here, path)))
      at = to + 1
    end
    put(part.text:sub(at))
    out[#out + 1] = table.concat(pieces)
  end
  path[name] = nil
  local text = table.concat(out, '\n')
  if column > 0 then text = text:gsub('\n([^\n])', '\n' .. (' '):rep(column) .. '%1') end
  return text
end

chunks.USE = USE
return chunks
