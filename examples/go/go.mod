module leasehold.dev/example

go 1.21
