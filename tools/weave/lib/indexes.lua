-- The three indexes, sorted: of chunks, of identifiers, of terms.
local book = require 'book'
local code = require 'code'

local indexes = {}

local function key(text)
  return (text:lower():gsub('[`*_"\']', ''))
end

local function sorted(list)
  table.sort(list, function(a, b)
    local x, y = key(a.text), key(b.text)
    if x ~= y then return x < y end
    return a.text < b.text
  end)
  return list
end

function indexes.chunks()
  local list = {}
  for name, named in pairs(book.names) do
    if #named.parts > 0 then list[#list + 1] = { text = name, named = named } end
  end
  return sorted(list)
end

function indexes.identifiers()
  local list = {}
  for identifier, defined in pairs(code.defined) do
    list[#list + 1] = { text = identifier, defined = defined, used = code.used[identifier] or {} }
  end
  return sorted(list)
end

-- Terms with all their places.
function indexes.terms()
  local by, list = {}, {}
  for _, term in ipairs(book.terms) do
    local entry = by[key(term.text)]
    if not entry then
      entry = { text = term.text, places = {} }
      by[key(term.text)] = entry
      list[#list + 1] = entry
    end
    table.insert(entry.places, term)
  end
  return sorted(list)
end

-- The letter under which an entry stands.
function indexes.letter(text)
  local letter = key(text):match('%a')
  return key(text):match('^%a') and letter:upper() or '#'
end

return indexes
