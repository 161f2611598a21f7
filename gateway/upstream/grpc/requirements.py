"""Packages that gRPC needs."""

NEEDS = ("gRPC needs the packages h2, protobuf and googleapis-common-protos", "pip install 'gateway[grpc]'")
