-- The one script of all wrk runs: method and body, or its size, from the arguments, and at the end one line of JSON with exact counts.
-- There is no request() and no response() here, so the load loop itself stays in C; only several tokens need the first.

function init(args)
  wrk.method = args[1]
  local size = tonumber(args[2])
  if not size then
    wrk.body = args[2]
    wrk.headers["Content-Type"] = "application/json"
  elseif size > 0 then
    wrk.body = string.rep("x", size)
    wrk.headers["Content-Type"] = "application/octet-stream"
  end
  if not args[3] then return end
  local requests, turn = {}, 0
  for token in io.lines(args[3]) do
    wrk.headers["Authorization"] = "Bearer " .. token
    requests[#requests + 1] = wrk.format()
  end
  if #requests > 1 then
    request = function()
      turn = turn % #requests + 1
      return requests[turn]
    end
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\nSUMMARY {"requests": %d, "bytes": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "failed": %d}\n',
    summary.requests, summary.bytes, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
