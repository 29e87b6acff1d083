//go:build tools

// Package tools names the program that build-server.sh builds, so that go.mod and go.sum pin all it needs.
package tools

import _ "go.etcd.io/etcd/server/v3"
