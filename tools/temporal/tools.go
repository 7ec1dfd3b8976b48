//go:build tools

// Package tools keeps the Temporal CLI among this module's requirements; nothing here is compiled.
package tools

import _ "github.com/temporalio/cli/cmd/temporal"
