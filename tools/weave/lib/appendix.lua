-- Tables that are made from rows of the code: `::: {.rows of=calls}` and `::: {.rows of=errors}` become them.
-- A row's place in the book is the section in which its chunk stands.
local book = require 'book'
local report = require 'report'

local appendix = {}

local KINDS = { IN = 'in', OUT = 'out', STRING = 'in', MAYBE_IN = 'in, or none', MAYBE_OUT = 'out, or none' }

local function argument(kind, name)
  local way = KINDS[kind]
  return '`' .. name .. '`' .. (way and ' *' .. way .. '*' or '')
end

-- Each kind of table: the chunk of its rows, its columns, and how a chunk's text gives rows.
local TABLES = {
  calls = {
    chunk = 'system calls: rows',
    head = '| number | call | arguments | told in |\n|----:|--------|------------------------|-------|\n',
    each = function(text, add)
      for row in text:gmatch('CALL(%b())') do
        local number, name = row:match('^%((%d+), ([%w_]+),')
        local arguments = {}
        for kind, what in row:gmatch('%(([%u_]+), ([%w_]+)%)') do arguments[#arguments + 1] = argument(kind, what) end
        if number then add(tonumber(number), string.format('| %s | `%s` | %s |', number, name, table.concat(arguments, ', '))) end
      end
    end,
  },
  errors = {
    chunk = 'error codes: rows',
    head = '| number | name | said as | told in |\n|----:|--------|--------------------|-------|\n',
    each = function(text, add)
      for name, number, said in text:gmatch('ERROR%(([%w_]+), (%d+), "([^"]*)"%)') do
        add(tonumber(number), string.format('| %s | `ERR_%s` | %s |', number, name, said))
      end
    end,
  },
}

-- The rows of all chunks of a name, in order of their numbers.
local function rows(blocks, kind)
  local found, section = {}, nil
  for _, block in ipairs(blocks) do
    if block.t == 'Header' and block.identifier ~= '' then
      section = block.identifier
    elseif block.t == 'CodeBlock' and block.classes[1] == 'noweb' then
      local _, _, name, _, body = block.text:match('^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$')
      if name == kind.chunk then
        kind.each(body, function(number, row)
          found[#found + 1] = { number = number, text = row .. ' [](#' .. section .. ') |' }
        end)
      end
    end
  end
  table.sort(found, function(a, b) return a.number < b.number end)
  return found
end

-- Puts the tables where the document asks for them.
function appendix.expand(blocks)
  local file = 'book.md'
  local walker = { traverse = 'topdown' }
  function walker.CodeBlock(block)
    if block.classes[1] == 'source' then file = block.text end
  end
  function walker.Div(div)
    if div.classes[1] ~= 'rows' then return nil end
    local kind = TABLES[div.attributes.of or '']
    if not kind then
      report.error(file, '::: {.rows', 'there are no rows of that; use of=calls or of=errors')
      return {}
    end
    local found = rows(blocks, kind)
    if #found == 0 then return pandoc.Para { pandoc.Str('None'), pandoc.Space(), pandoc.Str('yet.') } end
    local lines = {}
    for _, row in ipairs(found) do lines[#lines + 1] = row.text end
    return pandoc.read(kind.head .. table.concat(lines, '\n') .. '\n', book.settings.reader).blocks
  end
  return blocks:walk(walker)
end

return appendix
