package wasmtest

// Status is what a host function returns to the guest: WasmResult of the
// proxy-wasm ABI.
type Status uint32

// The statuses that a guest can tell apart.
const (
	OK                  Status = 0
	NotFound            Status = 1
	BadArgument         Status = 2
	ParseFailure        Status = 4
	InvalidMemoryAccess Status = 6
	Empty               Status = 7
	CasMismatch         Status = 8
	InternalFailure     Status = 10
	Unimplemented       Status = 12
)
