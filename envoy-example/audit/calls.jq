# Who called a tool in the last days, from the access log of envoy.yaml:
#
#     jq -r --arg tool delete_note --argjson days 7 -f envoy-example/audit/calls.jq access.log
#
# Requests that passed and may have called it are among them: those whose operation is
# unknown, with "unread" and the reason, and batches of which the log has a part, with
# "cut".

def cut: .rpc_method // "" | endswith(" *");

select(.time >= (now - $days * 86400 | todate))
| select(
    ([(.rpc_method // "" | split(" ")), (.target // "" | split(" "))] | transpose | any(. == ["tools/call", $tool]))
    or (.outcome == "passed" and (.unread != null or cut)))
| [.time, .outcome, .subject, .client, .issuer, .missing,
   (if .unread then "unread: \(.unread)" elif cut then "cut" else .target end), .request_id]
| map(. // "-")
| @tsv
