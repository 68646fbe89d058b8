// Package listfilter edits the answers of an MCP server so that the lists in them name
// only what the caller may use: the results of tools/list, prompts/list, resources/list
// and resources/templates/list.
//
// An answer is one JSON text ([Filter.JSON]) or an event stream ([Stream]). Everything but
// the entries that are taken out stays byte for byte, but for cacheScope, which becomes
// "private": a list that was made for one caller must not be given to another (MCP
// 2026-07-28). An answer that the package cannot read with certainty, or that parsers are
// known to read differently, is refused.
//
// A list is known by its shape, a response whose result has one of the four members, and
// not by the request: a stream may carry the answers to requests on other connections.
package listfilter
