module reverseproxy

go 1.22
