-- Gives the refusals of jwt_authn and RBAC the challenges that MCP clients need.
local metadata = 'resource_metadata="{{.MetadataURL}}"'
local scope = 'scope="{{.Scope}}"'

function envoy_on_request(handle)
  if handle:headers():get("authorization") then
    handle:streamInfo():dynamicMetadata():set("challenge", "token", "yes")
  end
end

function envoy_on_response(handle)
  local status = handle:headers():get(":status")
  if status ~= "401" and status ~= "403" then
    return
  end
  local challenge = "Bearer " .. scope .. ", " .. metadata
  if status == "403" then
    -- jwt_authn answers 403 to another audience, as RBAC does to a missing scope.
    local body = handle:body()
    if body and string.find(body:getBytes(0, body:length()), "RBAC", 1, true) then
      challenge = 'Bearer error="insufficient_scope", ' .. scope .. ", " .. metadata
      handle:headers():replace("www-authenticate", challenge)
      return
    end
    handle:headers():replace(":status", "401")
  end
  local seen = handle:streamInfo():dynamicMetadata():get("challenge")
  if seen and seen["token"] then
    challenge = 'Bearer error="invalid_token", ' .. metadata
  end
  handle:headers():replace("www-authenticate", challenge)
end
