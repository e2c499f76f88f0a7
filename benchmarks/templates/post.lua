wrk.method = "POST"
wrk.body = string.rep("x", @POST_BYTES@)
wrk.headers["Accept"] = "application/json"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["User-Agent"] = "benchmark/1"
wrk.headers["Authorization"] = "Bearer @CALLER_KEY@"

-- No two declarations are equal: the same body again would be reported as repeated. The number replaces the body's end.
local start
local number = 0

init = function()
   start = wrk.format():sub(1, -17)
end

request = function()
   number = number + 1
   return start .. string.format("%016d", number)
end
