//go:build tools

// Package tools keeps the UI's program among this module's requirements; nothing here is compiled.
package tools

import _ "github.com/temporalio/ui-server/v2/cmd/server"
