-- Errors of the weaver: collected with file and line, printed together, and then the build stops.
local report = { count = 0 }

local sources = {}

-- The lines of a source file, read once.
function report.lines(path)
  if not sources[path] then
    local lines, handle = {}, io.open(path)
    if handle then
      for line in handle:lines() do lines[#lines + 1] = line end
      handle:close()
    end
    sources[path] = lines
  end
  return sources[path]
end

-- The number of the line on which `needle` stands for the nth time.
function report.find(path, needle, nth)
  nth = nth or 1
  for number, line in ipairs(report.lines(path)) do
    if line:find(needle, 1, true) then
      nth = nth - 1
      if nth == 0 then return number end
    end
  end
end

function report.error(path, where, message)
  local line = where
  if type(where) == 'string' then line = report.find(path, where) end
  report.count = report.count + 1
  io.stderr:write(string.format('%s:%s: error: %s\n', path or 'book.md', line or 1, message))
end

-- Stops the build if anything was reported.
function report.check()
  if report.count == 0 then return end
  io.stderr:write(string.format('weave: %d error%s, nothing written\n', report.count,
    report.count == 1 and '' or 's'))
  os.exit(1)
end

return report
