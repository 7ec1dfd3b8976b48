//go:build tools

// Package tools keeps Docker Compose among this module's requirements; nothing here is compiled.
package tools

import _ "github.com/docker/compose/v2/cmd"
