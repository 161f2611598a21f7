-- What nginx does not do by itself: the token, traceparent, and what is counted.
local ffi = require "ffi"
local base64 = require "ngx.base64"
local cjson = require "cjson.safe"

ffi.cdef [[
const void *EVP_sha256(void);
unsigned char *HMAC(const void *evp_md, const void *key, int key_len, const unsigned char *d, size_t n,
                    unsigned char *md, unsigned int *md_len);
]]

local SECRET = os.getenv("PERF_SECRET")
local BOUNDS = { 0.001, 0.005, 0.025, 0.1, 0.5, 2.5, math.huge }
math.randomseed(os.time())
local digest = ffi.new("unsigned char[32]")
local sha256 = ffi.C.EVP_sha256()
local tokens, counts = ngx.shared.tokens, ngx.shared.counts
local M = {}

local function same(a, b)
  if #a ~= #b then return false end
  local different = 0
  for i = 1, #a do different = bit.bor(different, bit.bxor(a:byte(i), b:byte(i))) end
  return different == 0
end

-- (subject, when it expires, whether the scope is there) of a good token
local function verify(token)
  local signed, head, body, signature = token:match("^(([%w_-]+)%.([%w_-]+))%.([%w_-]+)$")
  if not signed then return end
  local said = cjson.decode(base64.decode_base64url(head) or "")
  local claims = cjson.decode(base64.decode_base64url(body) or "")
  if type(said) ~= "table" or type(claims) ~= "table" or said.alg ~= "HS256" then return end
  ffi.C.HMAC(sha256, SECRET, #SECRET, signed, #signed, digest, nil)
  if not same(ffi.string(digest, 32), base64.decode_base64url(signature) or "") then return end
  if claims.iss ~= "@ISSUER@" or claims.aud ~= "@AUDIENCE@" or type(claims.exp) ~= "number" then return end
  local scopes = " " .. (claims.scope or "") .. " "
  return tostring(claims.sub), claims.exp, scopes:find(" @SCOPE@ ", 1, true) and 1 or 0
end

function M.enter()
  local var = ngx.var
  local trace = (var.http_traceparent or ""):match("^00%-(%x+)%-%x+%-%x%x$")
  var.traceparent = string.format("00-%s-%08x%08x-00", trace or var.request_id, math.random(0, 0x7fffffff), math.random(1, 0x7fffffff))
  local token = (var.http_authorization or ""):match("^[Bb]earer (.+)$")
  if not token then return ngx.exit(401) end
  -- kept as "scope expires subject"
  local kept = tokens:get(token)
  if not kept then
    local subject, expires, scope = verify(token)
    if not subject or expires <= ngx.time() then return ngx.exit(401) end
    kept = scope .. " " .. expires .. " " .. subject
    tokens:set(token, kept, expires - ngx.time())
  end
  local scope, expires, subject = kept:match("^(%d) (%d+) (.*)$")
  if tonumber(expires) <= ngx.time() then return ngx.exit(401) end
  if scope ~= "1" then return ngx.exit(403) end
  var.client = subject
end

function M.count()
  local took = tonumber(ngx.var.request_time)
  counts:incr(ngx.status, 1, 0)
  for i, bound in ipairs(BOUNDS) do
    if took <= bound then return counts:incr("le" .. i, 1, 0) end
  end
end

function M.metrics()
  for _, key in ipairs(counts:get_keys()) do
    ngx.say('requests{key="', key, '"} ', counts:get(key))
  end
end

return M
