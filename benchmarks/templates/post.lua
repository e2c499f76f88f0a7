wrk.method = "POST"
wrk.body = string.rep("x", @POST_BYTES@)
wrk.headers["Accept"] = "application/json"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["User-Agent"] = "benchmark/1"
wrk.headers["Authorization"] = "Bearer @CALLER_KEY@"
