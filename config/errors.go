package config

import "strings"

// Error is one fault of a configuration document.
type Error struct {
	// Path names the member at fault from the top of the document, such as
	// resources[1].required_scopes[0]. It is $ for the document itself. A
	// name that is no plain word stands quoted in brackets:
	// resources[0].metadata["resource_name#en"].
	Path string

	// Message says what is wrong and, where that helps, what to write
	// instead. It never contains key material.
	Message string
}

// Error returns "path: message".
func (e *Error) Error() string { return e.Path + ": " + e.Message }

// Errors are all faults of a configuration document. It is the type of every
// error that [Parse] returns, and never empty then.
type Errors []*Error

// Error returns one line for each error, in the form "path: message".
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As and errors.Is the single errors.
func (e Errors) Unwrap() []error {
	list := make([]error, len(e))
	for i, err := range e {
		list[i] = err
	}
	return list
}
