-- What a chapter added: the files that are new with it, and what it put into files of earlier chapters.
local book = require 'book'
local chunks = require 'chunks'

local added = {}

local function lines_of(text)
  local _, count = text:gsub('\n', '')
  return text == '' and 0 or count + 1
end

-- Returns the new files, {name, chunk, lines}, and the additions, {name, parts, host, file, lines}.
function added.by(page)
  local files, grown, seen = {}, {}, {}
  for _, chunk in ipairs(book.chunks) do
    local named = book.names[chunk.name]
    if chunk.page == page and named.root and #named.uses == 0 and chunk.part == 1 then
      files[#files + 1] = { name = chunk.name, chunk = chunk, lines = lines_of(chunks.expand(chunk.name)) }
    elseif chunk.page == page and named.extension then
      local host
      for _, user in ipairs(named.uses) do
        if user.page.position < page.position then host = host or user end
      end
      if not host and named.parts[1].page ~= page then host = named.parts[1] end
      if host then
        local entry = seen[chunk.name]
        if not entry then
          entry = { name = chunk.name, host = host, parts = {}, lines = 0,
            file = chunks.roots(chunk.name)[1] or host.file }
          seen[chunk.name] = entry
          grown[#grown + 1] = entry
        end
        table.insert(entry.parts, chunk)
        entry.lines = entry.lines + lines_of(chunk.text)
      end
    end
  end
  return files, grown
end

return added
