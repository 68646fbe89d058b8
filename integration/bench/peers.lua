-- Gives the refusals of jwt_authn and RBAC the challenges that MCP clients need. A 401 or 403 of the
-- server itself looks the same here and gets them too.
local metadata = 'resource_metadata="{{.MetadataURL}}"'
local scope = 'scope="{{.Scope}}"'

-- jwt_authn removes the header, so its answer cannot tell whether there was one.
function envoy_on_request(handle)
  if handle:headers():get("authorization") then
    handle:streamInfo():dynamicMetadata():set("challenge", "token", "yes")
  end
end

local function refuse(handle, status, parameters)
  handle:headers():replace(":status", status)
  handle:headers():replace("www-authenticate", "Bearer " .. parameters .. ", " .. metadata)
end

function envoy_on_response(handle)
  local status = handle:headers():get(":status")
  if status ~= "401" and status ~= "403" then
    return
  end
  -- Both filters answer 403: RBAC without the scope, jwt_authn to another audience.
  local body = status == "403" and handle:body()
  if body and string.find(body:getBytes(0, body:length()), "RBAC", 1, true) then
    return refuse(handle, "403", 'error="insufficient_scope", ' .. scope)
  end
  local request = handle:streamInfo():dynamicMetadata():get("challenge")
  if request and request["token"] then
    return refuse(handle, "401", 'error="invalid_token"')
  end
  refuse(handle, "401", scope)
end
