# Callers who were refused for a scope and passed later, from the access log of
# envoy.yaml:
#
#     jq -nc -f envoy-example/audit/elevation.jq access.log
#
# A caller is an issuer and a subject. A refusal that names no operation, since the token
# lacked a scope that the resource requires for all, ends with any request that passes.

def caller: [.issuer, .subject, .resource];
def operation: caller + [.rpc_method, .target] | tojson;

foreach inputs as $line ({waiting: {}};
  .found = null
  | ($line | operation) as $this
  | ($line | caller + [null, null] | tojson) as $any
  | if $line.outcome == "insufficient_scope" then .waiting[$this] = $line
    elif $line.outcome == "passed" and (.waiting[$this] or .waiting[$any]) then
      .found = (.waiting[$this] // .waiting[$any]) | del(.waiting[$this], .waiting[$any])
    else . end;
  select(.found) | .found
  | {subject, issuer, resource, rpc_method: $line.rpc_method, target: $line.target, missing,
     refused: .time, refused_client: .client, passed: $line.time, passed_client: $line.client})
