package main

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
)

// versionSection is the name of the custom section whose content is the version, so
// that a file tells its version without being run.
const versionSection = "mcpauth.version"

// versionForm is the form of a version: it goes into a flag of the linker, a file name
// and a log line as it is.
var versionForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$`)

// addVersion returns file, otherwise as it is, with the version in a custom section at
// its end. A host skips custom sections that it does not know.
func addVersion(file []byte, version string) ([]byte, error) {
	if !versionForm.MatchString(version) {
		return nil, fmt.Errorf("the version %q is not of the form %s", version, versionForm)
	}
	if _, err := parse(file); err != nil {
		return nil, err
	}
	body := binary.AppendUvarint(nil, uint64(len(versionSection)))
	body = append(append(body, versionSection...), version...)
	file = binary.AppendUvarint(append(slices.Clip(file), sectionCustom), uint64(len(body)))
	return append(file, body...), nil
}
