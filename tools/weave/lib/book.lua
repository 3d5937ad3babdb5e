-- What the weaver knows of the book, shared by all its parts.
local book = {
  pages = {},     -- in the order of reading: {kind, file, room, number, id, name, title, blocks, toc}
  items = {},     -- runs, exercises, figures …: what stands at a placeholder in the text (see place)
  labels = {},    -- everything that can be referred to: id → {kind, number, page, anchor, title}
  chunks = {},    -- code chunks in the order of reading
  names = {},     -- chunk name → {parts, uses, extension, root}
  terms = {},     -- index of terms: {text, page, anchor}
  settings = {},  -- from the command line
}

-- Leaves a placeholder for a thing that each format draws in its own way.
function book.place(item)
  book.items[#book.items + 1] = item
  return pandoc.Div({}, pandoc.Attr('', { 'item' }, { n = tostring(#book.items) }))
end

function book.placed(div)
  if div.classes[1] == 'item' then return book.items[tonumber(div.attributes.n)] end
end

function book.slug(text)
  return (text:lower():gsub('[^%w]+', '-'):gsub('^%-+', ''):gsub('%-+$', ''))
end

function book.read_file(path)
  local handle = io.open(path, 'rb')
  if not handle then return nil end
  local text = handle:read('a')
  handle:close()
  return text
end

function book.write_file(path, text)
  local handle = assert(io.open(path, 'wb'))
  handle:write(text)
  handle:close()
end

function book.copy_file(from, to)
  local text = book.read_file(from)
  if text then book.write_file(to, text) end
end

-- The text of a marked-up string's inlines, e.g. a chunk's name.
function book.inlines(markdown)
  local blocks = pandoc.read(markdown, 'markdown-smart-citations-raw_html-raw_tex-tex_math_dollars'
    .. '-superscript-subscript-strikeout-emoji-auto_identifiers').blocks
  return blocks[1] and blocks[1].content or pandoc.Inlines {}
end

return book
