// The proxy in Azure Container Apps. docs/azure.md says how to use it, and how it was checked.
// The vault, its secrets and the registry are there already; everything else is made here.

targetScope = 'resourceGroup'

@description('Name of the app, and the beginning of the names of what belongs to it.')
@minLength(2)
@maxLength(20)
param name string = 'evtmgmt-proxy'

param location string = resourceGroup().location

@description('The image, with registry and a tag of its own for each build.')
param image string

@description('Server of a registry of this subscription, from which the app pulls with its identity. Give the identity the role AcrPull there. Empty: the image is public.')
param registryServer string = ''

@description('EVTMGMT_REALTIME__ENDPOINT, as Dynamics shows it.')
param realtimeEndpoint string

@description('EVTMGMT_REALTIME__ORIGIN.')
param realtimeOrigin string

@description('Name of a key vault of this resource group, with roles (Azure RBAC) as its access model.')
param vaultName string

@description('Settings that are secrets, and the name of each in the vault.')
param vaultSecrets { setting: string, secret: string }[] = [
  { setting: 'EVTMGMT_REALTIME__TOKEN', secret: 'evtmgmt-realtime-token' }
]

@description('Contents of a settings file in TOML: what is no secret. In a parameter file: loadTextContent(\'settings.toml\').')
param settingsFile string = ''

@description('How many proxies stand before the app and write X-Forwarded-For: 1 is the ingress, 2 with Front Door.')
@minValue(1)
@maxValue(5)
param trustedProxies int = 1

@description('Addresses from which the app may be reached, in CIDR notation. None: from everywhere.')
param allowedAddresses string[] = []

@minValue(1)
@maxValue(30)
param minReplicas int = 2

@description('With another number, set the two below anew: each replica has a budget of its own.')
@minValue(1)
@maxValue(30)
param maxReplicas int = 4

@description('EVTMGMT_UPSTREAM__BUDGET of one replica: 900 calls a minute, divided by maxReplicas.')
param budget string = '225/min'

@description('EVTMGMT_UPSTREAM__BUDGET_BURST of one replica: 200, divided by maxReplicas.')
param budgetBurst int = 50

@description('Revision that serves visitors. Empty: the newest one does. Named: the newest one gets nobody, and is tried by its label.')
param stableRevision string = ''

@description('Ends the name of the revision that is made now. Empty: Azure makes one up.')
param revisionSuffix string = ''

@description('Days that logs are kept. They hold paths, never a query, a token or a visitor.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

// What the program is told. The two folders are below, under volumeMounts.
var environmentVariables = [
  { name: 'EVTMGMT_REALTIME__ENDPOINT', value: realtimeEndpoint }
  { name: 'EVTMGMT_REALTIME__ORIGIN', value: realtimeOrigin }
  { name: 'EVTMGMT_PORTAL__TRUSTED_PROXIES', value: string(trustedProxies) }
  { name: 'EVTMGMT_LIMITS__DRAIN_DELAY', value: '10' }
  { name: 'EVTMGMT_UPSTREAM__BUDGET', value: budget }
  { name: 'EVTMGMT_UPSTREAM__BUDGET_BURST', value: string(budgetBurst) }
  { name: 'EVTMGMT_CACHE__MAX_BYTES', value: '134217728' }
  { name: 'EVTMGMT_STATE__PATH', value: '/var/lib/evtmgmt' }
  { name: 'EVTMGMT_SECRETS_DIR', value: '/etc/evtmgmt/secrets' }
]

// Names of secrets of the app are in small letters; as files they bear the settings' names.
var fromVault = [
  for entry in vaultSecrets: {
    name: toLower(replace(entry.setting, '_', '-'))
    // Put together by hand: a loop in a variable may not ask a resource for its properties.
    keyVaultUrl: 'https://${vaultName}${environment().suffixes.keyvaultDns}/secrets/${entry.secret}'
    identity: identity.id
  }
]
var secretFiles = [
  for entry in vaultSecrets: {
    secretRef: toLower(replace(entry.setting, '_', '-'))
    path: entry.setting
  }
]

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-identity'
  location: location
}

// Key Vault Secrets User: reads secrets, and nothing else.
resource mayReadSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identity.id, 'Key Vault Secrets User')
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '4633458b-17de-408a-b874-0445c86b69e6')
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: logRetentionDays
  }
}

resource apps 'Microsoft.App/managedEnvironments@2025-01-01' = {
  name: '${name}-environment'
  location: location
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: logs.properties.customerId
        sharedKey: logs.listKeys().primarySharedKey
      }
    }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
  }
}

resource app 'Microsoft.App/containerApps@2025-01-01' = {
  name: name
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: apps.id
    workloadProfileName: 'Consumption'
    configuration: {
      // Two revisions side by side, of which one serves: weights of 100 and 0, never a part. docs/azure.md says why.
      activeRevisionsMode: 'Multiple'
      maxInactiveRevisions: 5
      ingress: {
        external: true
        targetPort: 8080
        transport: 'http'
        allowInsecure: false
        // No corsPolicy: the proxy sets these headers, and browsers refuse an answer that has them twice.
        traffic: empty(stableRevision)
          ? [
              { latestRevision: true, weight: 100 }
            ]
          : [
              { revisionName: stableRevision, weight: 100, label: 'stable' }
              { latestRevision: true, weight: 0, label: 'next' }
            ]
        ipSecurityRestrictions: [
          for (address, number) in allowedAddresses: {
            name: 'allowed-${number}'
            action: 'Allow'
            ipAddressRange: address
          }
        ]
      }
      registries: empty(registryServer)
        ? []
        : [
            { server: registryServer, identity: identity.id }
          ]
      secrets: concat(fromVault, empty(settingsFile) ? [] : [{ name: 'settings-file', value: settingsFile }])
    }
    template: {
      revisionSuffix: empty(revisionSuffix) ? null : revisionSuffix
      // Longer than the drain delay and the longest registration in flight: docs/reliability.md, "Stopping".
      terminationGracePeriodSeconds: 75
      containers: [
        {
          name: 'proxy'
          image: image
          env: concat(
            environmentVariables,
            empty(settingsFile) ? [] : [{ name: 'EVTMGMT_CONFIG_FILE', value: '/etc/evtmgmt/settings/settings.toml' }]
          )
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          probes: [
            {
              type: 'Startup'
              httpGet: { path: '/livez', port: 8080 }
              periodSeconds: 3
              timeoutSeconds: 2
              failureThreshold: 10
            }
            {
              type: 'Liveness' // the process alone: a sick Dynamics restarts nothing
              httpGet: { path: '/livez', port: 8080 }
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 3
            }
            {
              type: 'Readiness' // 503 while it stops, and while Dynamics refuses the token
              httpGet: { path: '/readyz', port: 8080 }
              periodSeconds: 5
              timeoutSeconds: 3
              failureThreshold: 1
            }
          ]
          volumeMounts: concat(
            [
              { volumeName: 'secrets', mountPath: '/etc/evtmgmt/secrets' }
              { volumeName: 'state', mountPath: '/var/lib/evtmgmt' }
              { volumeName: 'tmp', mountPath: '/tmp' }
            ],
            empty(settingsFile) ? [] : [{ volumeName: 'settings', mountPath: '/etc/evtmgmt/settings' }]
          )
        }
      ]
      volumes: concat(
        [
          { name: 'secrets', storageType: 'Secret', secrets: secretFiles }
          { name: 'state', storageType: 'EmptyDir' } // as long as the replica: what lasts is in Redis
          { name: 'tmp', storageType: 'EmptyDir' }
        ],
        empty(settingsFile)
          ? []
          : [
              { name: 'settings', storageType: 'Secret', secrets: [{ secretRef: 'settings-file', path: 'settings.toml' }] }
            ]
      )
      scale: {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
        rules: [
          {
            name: 'requests-at-once'
            http: {
              metadata: {
                concurrentRequests: '60'
              }
            }
          }
        ]
      }
    }
  }
  dependsOn: [
    mayReadSecrets
  ]
}

@description('What portals have as the host of apiEndpoint.')
output address string = 'https://${app.properties.configuration.ingress.fqdn}'

@description('Revision that was made now: the next stableRevision.')
output revision string = app.properties.latestRevisionName

@description('Where the newest revision is tried while another one serves.')
output addressOfNext string = empty(stableRevision) ? '' : 'https://${name}---next.${apps.properties.defaultDomain}'
