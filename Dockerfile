# Images of Leasehold. `make package-test` runs these lines without a container engine; keep to FROM, ARG, WORKDIR, COPY, RUN, ENTRYPOINT.
#
#   docker build --target static -t leasehold .      the static binary, alone: to copy into any image, or an initContainer
#   docker build --target debian -t leasehold .      Debian with the packages: to build upon

FROM debian:12-slim AS build
WORKDIR /src
RUN apt-get -q update && apt-get -q install -y --no-install-recommends make git ca-certificates
COPY . /src
RUN make package

FROM scratch AS static
COPY --from=build /src/build/static/leasehold /leasehold
ENTRYPOINT ["/leasehold"]

FROM debian:12-slim AS debian
COPY --from=build /src/build/package /packages
RUN apt-get -q update && apt-get -q install -y --no-install-recommends /packages/leasehold_*.deb && rm -rf /packages /var/lib/apt/lists
ENTRYPOINT ["leasehold"]
