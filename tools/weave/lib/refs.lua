-- References: `[](#memory-frames)` becomes "Section 2.3", in every format; an unknown one is an error.
local book = require 'book'
local report = require 'report'

local refs = {}

local words = { chapter = 'Chapter', section = 'Section', figure = 'Figure', table = 'Table',
  exercise = 'Exercise', run = 'Run', overlay = 'Overlay' }

function refs.find(id)
  return book.labels[id] or book.labels['run:' .. id] or book.labels['ex:' .. id]
end

-- The words for a reference without text of its own.
function refs.text(label)
  if label.number then
    return pandoc.Inlines { pandoc.Str(words[label.kind] .. '\u{a0}' .. label.number) }
  end
  local title = pandoc.Inlines {}
  title:extend(label.title or { pandoc.Str(label.id) })
  return title
end

-- Replaces the references, chunk names, index entries and Japanese in a list of blocks; `format` draws them.
function refs.inlines(blocks, page, format)
  return blocks:walk {
    Link = function(link)
      local id = link.target:match('^#(.+)$')
      if not id then return nil end
      local label = refs.find(id)
      if not label then
        if book.settings.draft then
          io.stderr:write(string.format('%s:%s: unknown reference #%s\n', page.file,
            report.find(page.file, '#' .. id .. ')') or 1, id))
        end
        if book.settings.partial or book.settings.draft then
          return #link.content > 0 and link.content or pandoc.Str('a later chapter')
        end
        report.error(page.file, '#' .. id .. ')', string.format(
          'unknown reference #%s; correct it, or name its target {#%s}', id, id))
        return nil
      end
      local content = #link.content > 0 and link.content or refs.text(label)
      return format.reference(content, label, page)
    end,
    Code = function(code)
      if code.classes[1] == 'chunkref' then
        local named = book.names[code.text]
        if (not named or #named.parts == 0) and not book.settings.partial then
          if not (named and named.extension) then
            report.error(page.file, '<<' .. code.text .. '>>', string.format(
              'unknown chunk <<%s>>; correct its name', code.text))
          end
        end
        return format.chunk_reference(code.text, page)
      end
      return format.inline_code and format.inline_code(code)
    end,
    Span = function(span)
      if span.classes[1] == 'index' then
        local term = { text = span.attributes.key or pandoc.utils.stringify(span.content), page = page,
          anchor = 'term-' .. (#book.terms + 1) }
        table.insert(book.terms, term)
        return format.term(span.content, term)
      end
    end,
    Str = function(str)
      if str.text:find('[\xe3-\xe9][\x80-\xbf][\x80-\xbf]') then return format.japanese(str.text) end
    end,
  }
end

return refs
