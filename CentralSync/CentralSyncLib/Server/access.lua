-- Who may ask what of this store. Written by `planninghub store-config`: change Roles.json or the site's users, then
-- write it anew. What is not listed here is refused (HTTP 403), whoever asks: above all every DELETE and PUT.

local requests = {
@REQUESTS@
}

local users = {
@USERS@
}

function IncomingHttpRequestFilter(method, uri, ip, username, httpHeaders)
  for _, door in ipairs(users[username] or {}) do
    for _, request in ipairs(requests[door]) do
      if method == request[1] and string.find(uri, request[2]) then
        return true
      end
    end
  end
  return false
end
