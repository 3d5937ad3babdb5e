-- Second pass: the placeholders of the first become what a format makes of them.
local book = require 'book'
local refs = require 'refs'

local draw = {}

-- Returns the blocks of a page as `format` (html or latex) draws them.
function draw.blocks(blocks, page, format)
  local out = pandoc.Blocks {}
  local function transform(inner) return draw.blocks(inner, page, format) end
  for _, block in ipairs(blocks) do
    local item = block.t == 'Div' and book.placed(block)
    if item then
      if item.caption then item.caption = refs.inlines(pandoc.Blocks { pandoc.Plain(item.caption) }, page, format)[1].content end
      if item.kind == 'header' then
        item.entry.shown = refs.inlines(pandoc.Blocks { pandoc.Plain(item.entry.title) }, page, format)[1].content
      end
      if item.kind == 'table' then item.block = refs.inlines(pandoc.Blocks { item.block }, page, format)[1] end
      local name = item.kind == 'code' and 'code_block' or item.kind
      out:extend(format[name](item, transform))
    elseif block.t == 'BlockQuote' then
      block.content = transform(block.content)
      out:insert(block)
    elseif block.t == 'BulletList' or block.t == 'OrderedList' then
      local items = {}
      for i, entry in ipairs(block.content) do items[i] = transform(entry) end
      block.content = items
      out:insert(block)
    else
      out:extend(refs.inlines(pandoc.Blocks { block }, page, format))
    end
  end
  return out
end

-- A whole page, with its workshop sections marked off.
function draw.page(page, format)
  local out, inside = pandoc.Blocks {}, false
  local run = pandoc.Blocks {}
  local function flush()
    out:extend(draw.blocks(run, page, format))
    run = pandoc.Blocks {}
  end
  for _, block in ipairs(page.blocks) do
    local item = block.t == 'Div' and book.placed(block)
    if item and item.kind == 'header' and item.entry.level == 2 then
      flush()
      if inside then out:extend(format.workshop_close()) end
      inside = item.entry.workshop
      if inside then out:extend(format.workshop_open()) end
    end
    run:insert(block)
  end
  flush()
  if inside then out:extend(format.workshop_close()) end
  return out
end

return draw
