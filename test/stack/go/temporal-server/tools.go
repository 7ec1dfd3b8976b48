//go:build tools

// Package tools keeps the server's programs among this module's requirements; nothing here is compiled.
package tools

import (
	_ "go.temporal.io/server/cmd/server"
	_ "go.temporal.io/server/cmd/tools/sql"
)
