package config

import "strings"

// Error is an error in a configuration document.
type Error struct {
	// Path locates the member in the document, such as
	// resources[1].required_scopes[0]. It is $ for the document itself. A name with
	// other characters than letters, digits and "_" is quoted in brackets:
	// resources[0].metadata["resource_name#en"].
	Path string

	// Message says what is wrong and, where that helps, what to write
	// instead. It never contains key material.
	Message string
}

// Error returns "path: message".
func (e *Error) Error() string { return e.Path + ": " + e.Message }

// Errors are all errors in a configuration document. Every error that [Parse] returns
// has this type and is not empty.
type Errors []*Error

// Error returns one line for each error, in the form "path: message".
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the single errors, for errors.As and errors.Is.
func (e Errors) Unwrap() []error {
	list := make([]error, len(e))
	for i, err := range e {
		list[i] = err
	}
	return list
}
