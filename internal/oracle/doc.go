// Package oracle is a second implementation of what the documentation promises about a
// request, for tests. It is slow and simple, and shares no code with the gateway: it reads
// keys with go-jose, tokens and bodies with encoding/json and crypto, and paths with net/url.
//
// [NewCase] turns bytes into a request: to random bytes, or to bytes of a fuzzer, belong
// requests that are nearly right. [Case.Expect] says what the gateway may do with it, and
// [Expectation.Check] compares that with what a gateway has done.
//
// The gateway may be stricter than the documentation says in detail, where a page says that
// it refuses what two programs could read in two ways. An [Expectation] then allows both.
// It never allows a request on that the documentation refuses.
package oracle
